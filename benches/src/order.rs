//! Who depends on whom.

use std::collections::BTreeSet;

use fastrand::Rng;

/// How the services of an application depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Each on the one before.
    Chain,
    /// Each on the hundred of the layer before.
    Layers,
    /// Each on any three before it, on average.
    Random,
}

/// How many services a layer has.
const LAYER: usize = 100;

impl Order {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Chain, Self::Layers, Self::Random];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Layers => "layers",
            Self::Random => "random",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.name() == name)
    }

    /// What each of so many services depends on: always earlier ones, and the same in every run.
    #[must_use]
    pub fn dependencies(self, services: usize) -> Vec<Vec<usize>> {
        let mut rng = Rng::with_seed(3);
        let of = |service: usize| match self {
            Self::Chain => service.checked_sub(1).into_iter().collect(),
            Self::Layers => {
                let layer = service / LAYER * LAYER;
                (layer.saturating_sub(LAYER)..layer).collect()
            }
            Self::Random => {
                let wanted = rng.usize(0..=6).min(service);
                let mut chosen = BTreeSet::new();
                while chosen.len() < wanted {
                    chosen.insert(rng.usize(0..service));
                }
                chosen.into_iter().collect()
            }
        };
        (0..services).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_hangs_on_its_first_link() {
        assert_eq!(Order::Chain.dependencies(3), [vec![], vec![0], vec![1]]);
    }

    #[test]
    fn each_of_a_layer_depends_on_all_of_the_layer_before() {
        let dependencies = Order::Layers.dependencies(250);
        assert!(dependencies[..100].iter().all(Vec::is_empty));
        assert!(
            dependencies[100..200]
                .iter()
                .all(|layer| layer.iter().copied().eq(0..100))
        );
        assert!(
            dependencies[200..]
                .iter()
                .all(|layer| layer.iter().copied().eq(100..200))
        );
    }

    #[test]
    fn a_random_order_is_the_same_each_time_and_has_three_dependencies_on_average() {
        let dependencies = Order::Random.dependencies(10_000);
        assert_eq!(dependencies, Order::Random.dependencies(10_000));
        let edges: usize = dependencies.iter().map(Vec::len).sum();
        assert!((29_000..31_000).contains(&edges), "{edges}");
        for (service, dependencies) in dependencies.iter().enumerate() {
            assert!(dependencies.iter().all(|&dependency| dependency < service));
        }
    }
}
