"""Installing: each device's steps with photo and test, live marks, meter checks, labels, hand-over."""
