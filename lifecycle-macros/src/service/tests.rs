mod expansions;
mod mistakes;
