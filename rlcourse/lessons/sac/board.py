"""The closing list: what the course found to be otherwise than commonly said."""

import html
import re

from rlcourse.course import index, order
from rlcourse.course.claims import results

OTHERWISE = {
    "CL-02": (
        "Reward-to-go always lowers the variance",
        "{variance_ratio:.2f} times lower on the corridor, {counterexample_ratio:.0f} times higher in a counterexample",
    ),
    "CL-06": (
        "The value is always a good baseline",
        "variance {variance_plain:.0f} falls to {variance_value:.1f} on the corridor; in the shoot-out at p = 0.9 it "
        "rises {shootout_ratio:.0f} times",
    ),
    "CL-15": (
        "A critic has to learn from Monte-Carlo returns",
        "error {rmse_td:.3f} with TD(0), {rmse_first_visit:.3f} with the best form of Monte Carlo",
    ),
    "CL-16": (
        "One update per episode wastes data",
        "return {quiet_online:.3f} with one update per step, {quiet_batch:.3f} with one per episode",
    ),
    "CL-19": (
        "Waiting for the slowest worker is impractical",
        "{rollout_16:.0%} of the time is work if 16 workers wait after every 32 steps",
    ),
    "CL-23": (
        "A large batch makes the advantage unnecessary",
        "noise {sd_q_offset:.2f} with Q + 100, {sd_advantage_offset:.3f} with Q − V",
    ),
    "CL-29": ("PPO's clip keeps the ratio in its range", "{outside_hard_clip:.0%} are outside after 80 epochs"),
    "CL-30": ("A ratio says how far two policies are apart", "ratio {hidden_ratio:.2f} beside a KL of {hidden_kl:.2f}"),
    "CL-43": ("DDPG needs Ornstein-Uhlenbeck noise", "score {ou:.0f} with it, {none:.0f} without any noise"),
    "CL-40": (
        "The slower the target network, the safer",
        "score {soft_0005:.0f} at κ = 0.0005, {soft_02:.0f} at κ = 0.02",
    ),
    "CL-52": (
        "SAC's Gaussian explores both passages",
        "its fit ends on one of them, with σ = {sigma_one_02:.2f} at α = 0.2",
    ),
    "CL-60": (
        "Reparameterised gradients are always the quieter ones",
        "variance {path_5:.1f} against {score_5:.1f} of the score function, for Q = sin 5a",
    ),
    "CL-61": (
        "The entropy of an action is that of the Gaussian before the tanh",
        "{u_5:.2f} nats before, {a_5:.2f} after, at σ = 5",
    ),
    "CL-33": (
        "Sample-efficient means fast",
        "a step of SAC costs {goal_cost_sac:.1f} ms of computing, one of PPO {goal_cost_ppo:.2f} ms",
    ),
    "CL-58": (
        "SAC is good because of its second critic",
        "score {late_one:.0f} with one critic, {late_two:.0f} with two",
    ),
    "CL-59": (
        "SAC needs a value network",
        "{solved_without:.0f} of 16 seeds solve Pendulum without it, {solved_with:.0f} with it",
    ),
}
"""Claim -> what is commonly said, and what was measured, with the names of the claim's numbers in braces."""


def rows():
    """(claim, what is said, what was measured, slug of the lesson) of the list, in the order of the lessons."""
    figures, known = results(), index.load()
    for claim, (said, sentence) in OTHERWISE.items():
        row = known[claim]
        try:
            found = re.sub(r"-(?=\d)", "−", sentence.format(**figures.get(claim, {})))
        except KeyError:  # a lesson measures other numbers now: its own sentence
            found = index.measured(row, figures)
        yield claim, said, found, row.lessons[-1] if claim == "CL-43" else row.lessons[0]


def otherwise():
    """The list as a table, each line with a link to the part of the lesson that shows it."""
    lines, plain = [], ["Otherwise than commonly said"]
    for claim, said, found, lesson in rows():
        link = f'<a href="{index.link(lesson, claim)}">{order.number(lesson)}</a>'
        cells = (f"<strong>{claim}</strong>", html.escape(said, quote=False), html.escape(found, quote=False), link)
        first, *rest = cells
        lines.append(f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>")
        plain.append(f"{claim}  {said}. Measured: {found}. (lesson {order.number(lesson)})")
    head = "".join(f'<th scope="col">{name}</th>' for name in ("claim", "commonly said", "measured", "lesson"))
    markup = (
        f"<table><caption>{plain[0]}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    )
    return index.Shown(markup, "\n".join(plain))
