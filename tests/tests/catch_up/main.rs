//! Schedules that are remembered: no point is run twice, and a missed one is run or its skip is told (rule 38).
#![cfg(feature = "cron")]

mod file;
mod job;
mod memory;
mod points;
mod replicas;
