"""What ./bench runs: figures of ours, each beside its peer, in one run."""
