"""Who is who, in every figure of the lesson."""

from rlcourse.course.figures import style

BATCH, ONLINE = style.REWARD, style.POLICY
"""The two algorithms, in every figure of the lesson."""
