"""What several test suites share: receivers, environments with chosen packages, real servers."""
