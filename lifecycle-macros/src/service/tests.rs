mod expansions;
mod mistakes;
mod options;
