//! Finds a service of an application by its name.

use std::sync::OnceLock;

use crate::shared::instance::Instance;

/// Up to so many services are looked through one by one.
const FEW: usize = 16;

/// The services of an application in the order of their names. It is made when the first name is looked up among
/// many, so that an application in which none is pays nothing.
#[derive(Debug, Default)]
pub(super) struct NameIndex(OnceLock<Box<[u32]>>);

impl NameIndex {
    /// The service with this name. `services` are those of the application, the same in each call.
    pub(super) fn find(&self, services: &[Instance], name: &str) -> Option<usize> {
        if services.len() <= FEW {
            return services.iter().position(|service| service.name == *name);
        }
        let in_order = self.0.get_or_init(|| in_order(services));
        let name_at = |&at: &u32| services[at as usize].name.as_str();
        let place = in_order.binary_search_by(|at| name_at(at).cmp(name)).ok()?;
        Some(in_order[place] as usize)
    }
}

fn in_order(services: &[Instance]) -> Box<[u32]> {
    let mut in_order: Box<[u32]> = (0..).take(services.len()).collect();
    in_order.sort_unstable_by_key(|&at| services[at as usize].name.as_str());
    in_order
}
