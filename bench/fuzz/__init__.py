"""Coverage-guided fuzzing of every codec, by atheris (libFuzzer); x86_64 only."""
