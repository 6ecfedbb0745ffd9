mod any_input;
mod batches;
mod cron;
mod expansions;
mod options;
mod problems;
mod quoted;
