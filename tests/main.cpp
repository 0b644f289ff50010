// The one translation unit that compiles Catch2's implementation; every test executable links it.
#define CATCH_CONFIG_RUNNER
#include "catch.hpp"

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
