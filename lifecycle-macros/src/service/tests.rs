mod batches;
mod cron;
mod expansions;
mod mistakes;
mod options;
