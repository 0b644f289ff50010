/// Catch2, version 2 or 3: the one place that knows which. Tests include this and use what both versions share.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx; // as version 2 has it
#else
#include <catch2/catch.hpp>
#endif
