//! Where a service stands in the graph: its layer, and its place among those of the same layer.

use std::collections::HashMap;

use lifecycle::{Dependency, DependencyKind, Handle};

/// The dependencies by index, without those that follow from others if there are not too many services for that.
#[derive(Debug)]
pub(crate) struct Layers {
    /// The services of each layer, from those that need nothing on. In a layer, those that are connected are near
    /// each other.
    pub(crate) rows: Vec<Vec<usize>>,
    pub(crate) edges: Vec<Edge>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) dependency: usize,
    pub(crate) dependent: usize,
    pub(crate) kind: DependencyKind,
}

/// How often the places in the layers are improved, from one end to the other and back.
const ROUNDS: usize = 6;

/// Up to so many services it is found out which edges follow from others. It takes a bit for each two of them.
const REDUCED: usize = 5_000;

impl Layers {
    /// `names` are those of the services, in the order of the registry.
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>, handle: &Handle) -> Self {
        let indexes: HashMap<&str, usize> = names.zip(0..).collect();
        Self::of(&by_index(&indexes, &handle.dependencies()))
    }

    fn of(dependencies: &[Vec<(usize, DependencyKind)>]) -> Self {
        let order = order(dependencies);
        let mut depths = vec![0; dependencies.len()];
        for &service in &order {
            let above = dependencies[service].iter();
            depths[service] = above
                .map(|&(above, _)| depths[above] + 1)
                .max()
                .unwrap_or(0);
        }
        let mut rows = vec![Vec::new(); depths.iter().max().map_or(0, |depth| depth + 1)];
        for (service, &depth) in depths.iter().enumerate() {
            rows[depth].push(service);
        }
        let edges = if dependencies.len() <= REDUCED {
            reduced(dependencies, &order)
        } else {
            all(dependencies)
        };
        sort(&mut rows, &edges, dependencies.len());
        Self { rows, edges }
    }
}

fn by_index(
    indexes: &HashMap<&str, usize>,
    dependencies: &[Vec<Dependency>],
) -> Vec<Vec<(usize, DependencyKind)>> {
    let known = |dependency: &Dependency| {
        let index = indexes.get(dependency.name.as_str())?;
        Some((*index, dependency.kind))
    };
    let lists = dependencies.iter();
    lists
        .map(|list| list.iter().filter_map(known).collect())
        .collect()
}

/// Each service after those it depends on. There is no cycle: the registry has checked that.
fn order(dependencies: &[Vec<(usize, DependencyKind)>]) -> Vec<usize> {
    let mut missing: Vec<usize> = dependencies.iter().map(Vec::len).collect();
    let mut dependents = vec![Vec::new(); dependencies.len()];
    for (service, list) in dependencies.iter().enumerate() {
        for &(above, _) in list {
            dependents[above].push(service);
        }
    }
    let is_free = |&service: &usize| dependencies[service].is_empty();
    let mut order: Vec<usize> = (0..dependencies.len()).filter(is_free).collect();
    let mut next = 0;
    while let Some(&service) = order.get(next) {
        next += 1;
        for &dependent in &dependents[service] {
            missing[dependent] -= 1;
            if missing[dependent] == 0 {
                order.push(dependent);
            }
        }
    }
    order
}

/// Without the edges that a longer way makes clear: they would only hide the others.
fn reduced(dependencies: &[Vec<(usize, DependencyKind)>], order: &[usize]) -> Vec<Edge> {
    let words = dependencies.len().div_ceil(64);
    let mut above = vec![0_u64; dependencies.len() * words];
    let mut edges = Vec::new();
    let mut union = vec![0_u64; words];
    for &dependent in order {
        union.fill(0);
        let list = &dependencies[dependent];
        for &(dependency, _) in list {
            let its = &above[dependency * words..][..words];
            for (word, more) in union.iter_mut().zip(its) {
                *word |= more;
            }
        }
        for &(dependency, kind) in list {
            if union[dependency / 64] & (1 << (dependency % 64)) == 0 {
                edges.push(Edge {
                    dependency,
                    dependent,
                    kind,
                });
            }
        }
        for &(dependency, _) in list {
            union[dependency / 64] |= 1 << (dependency % 64);
        }
        above[dependent * words..][..words].copy_from_slice(&union);
    }
    edges
}

fn all(dependencies: &[Vec<(usize, DependencyKind)>]) -> Vec<Edge> {
    let lists = dependencies.iter().enumerate();
    let edges = lists.flat_map(|(dependent, list)| {
        list.iter().map(move |&(dependency, kind)| Edge {
            dependency,
            dependent,
            kind,
        })
    });
    edges.collect()
}

/// Moves each service to the middle of those it is connected with in the other layers, a few times.
fn sort(rows: &mut [Vec<usize>], edges: &[Edge], services: usize) {
    let mut near = vec![(Vec::new(), Vec::new()); services];
    for edge in edges {
        near[edge.dependent].0.push(edge.dependency);
        near[edge.dependency].1.push(edge.dependent);
    }
    let mut places = vec![0.0_f64; services];
    let settle = |row: &[usize], places: &mut [f64]| {
        for (place, &service) in row.iter().enumerate() {
            places[service] = (place as f64 + 0.5) / row.len() as f64;
        }
    };
    for row in &*rows {
        settle(row, &mut places);
    }
    for round in 0..ROUNDS {
        let is_down = round % 2 == 0;
        for step in 0..rows.len() {
            let index = if is_down { step } else { rows.len() - 1 - step };
            let middle = |service: usize| {
                let (above, below) = &near[service];
                let list = if is_down { above } else { below };
                let sum: f64 = list.iter().map(|&other| places[other]).sum();
                if list.is_empty() {
                    places[service]
                } else {
                    sum / list.len() as f64
                }
            };
            let row = &mut rows[index];
            row.sort_by(|&one, &other| middle(one).total_cmp(&middle(other)));
            settle(row, &mut places);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifecycle::DependencyKind::{After, Wants};

    fn pairs(layers: &Layers) -> Vec<(usize, usize)> {
        let edges = layers.edges.iter();
        edges
            .map(|edge| (edge.dependency, edge.dependent))
            .collect()
    }

    #[test]
    fn a_layer_is_the_longest_way_and_what_follows_is_not_drawn() {
        let layers = Layers::of(&[
            vec![],
            vec![(0, After)],
            vec![(0, After), (1, Wants)],
            vec![(2, After), (0, After), (1, After)],
        ]);
        assert_eq!(layers.rows, [[0], [1], [2], [3]]);
        assert_eq!(pairs(&layers), [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(layers.edges[1].kind, Wants);
    }

    #[test]
    fn connected_services_stand_near_each_other() {
        let layers = Layers::of(&[
            vec![],
            vec![],
            vec![],
            vec![(2, After)],
            vec![(1, After)],
            vec![(0, After)],
        ]);
        let places: Vec<usize> = layers.rows[1].iter().map(|service| 5 - service).collect();
        assert_eq!(layers.rows[0], places, "no two edges cross");
    }

    #[test]
    fn many_services_are_fast() {
        let wide: Vec<Vec<_>> = (0..2_000_usize)
            .map(|service| {
                (service.saturating_sub(7)..service)
                    .map(|above| (above, After))
                    .collect()
            })
            .collect();
        assert_eq!(Layers::of(&wide).edges.len(), 1_999);
        assert!(Layers::of(&[]).rows.is_empty());
    }

    /// A bit for each two of these would be a gigabyte.
    #[test]
    fn of_very_many_services_no_edge_is_left_out() {
        let chain: Vec<Vec<_>> = (0..100_000_usize)
            .map(|service| {
                (service.saturating_sub(2)..service)
                    .map(|above| (above / 50 * 50, After))
                    .collect()
            })
            .collect();
        let edges = chain.iter().map(Vec::len).sum::<usize>();
        assert_eq!(Layers::of(&chain).edges.len(), edges);
    }
}
