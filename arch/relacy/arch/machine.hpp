/// The simulated machine: Relacy's memory model and fibres.
#pragma once

#define ARCH_MACHINE relacy
