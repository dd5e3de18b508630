// The one translation unit that builds the tests' precompiled header.
