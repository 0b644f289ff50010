/// The machine that this object is compiled for: host, real threads on the processor that runs the program.
///
/// Everything that names a machine lives in an inline namespace of that name, so objects of two machines do not link.
#pragma once

#define ARCH_MACHINE host
