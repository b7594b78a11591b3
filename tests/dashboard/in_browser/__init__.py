"""What people see, in a real Chromium, with real processes behind it."""
