mod batches;
mod expansions;
mod mistakes;
mod options;
