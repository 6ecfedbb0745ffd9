//! Services that start in order, run as long as the application and stop gracefully.
