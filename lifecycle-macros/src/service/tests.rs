mod batches;
mod cron;
mod expansions;
mod options;
mod problems;
