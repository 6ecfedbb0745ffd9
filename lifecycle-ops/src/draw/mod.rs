//! Pictures, as SVG: the graph of the services, their start, their stop.

#![allow(
    clippy::cast_precision_loss,
    reason = "what is drawn has far fewer parts than a float has numbers"
)]

pub(crate) mod dot;
pub(crate) mod graph;
pub(crate) mod layers;
pub(crate) mod spans;
pub(crate) mod sparkline;

/// The colours of the states, in light and dark: for the page and for pictures that stand alone.
pub(crate) const PALETTE: &str = include_str!("palette.css");
