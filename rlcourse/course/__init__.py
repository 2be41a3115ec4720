"""What any lesson may use: order, checkers, quiz, index, listings, stored numbers, figures and widgets."""
