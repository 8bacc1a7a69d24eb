"""A month's electricity bills of a platform, measured."""
