//! Tests of the memory store: what it promises, a model it must agree with, and, under
//! `--cfg shuttle`, schedules that real threads meet once in a million runs.

#[cfg(not(shuttle))]
mod behaviour;
#[cfg(shuttle)]
mod interleavings;
#[cfg(not(shuttle))]
mod model;
mod support;
