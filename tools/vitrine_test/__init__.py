"""Everything ./test runs: a registry of suites, the suites themselves, and the report."""
