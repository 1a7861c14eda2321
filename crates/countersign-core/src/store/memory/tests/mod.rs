//! Tests of the memory store: what it promises, and, under `--cfg shuttle`, schedules that real
//! threads meet once in a million runs. The model that it must agree with is in `tests/support/model`.

#[cfg(not(shuttle))]
mod behaviour;
#[cfg(shuttle)]
mod interleavings;
mod support;
