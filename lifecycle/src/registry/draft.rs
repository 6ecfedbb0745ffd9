//! Services as they are declared, names unchecked; out comes a plan, or every problem at once.

use std::collections::HashMap;

use super::{Plan, Planned, RegistryError, Terms};
use crate::engine::Graph;
use crate::name::Name;
use crate::rules::graph::{Entry, check};
use crate::service::{Sealed, Service};
use crate::status::Shape;

#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) services: Vec<Declared>,
}

pub(crate) struct Declared {
    pub(crate) planned: Planned,
    pub(crate) after: Vec<Name>,
}

impl Draft {
    pub(crate) fn add(&mut self, name: Name, service: Box<dyn Service>) -> &mut Declared {
        let terms = Terms {
            oneshot: service.__nature(Sealed::OPEN).shape == Shape::Oneshot,
            ..Terms::default()
        };
        self.services.push(Declared {
            planned: Planned {
                name,
                service,
                terms,
            },
            after: Vec::new(),
        });
        // The one just pushed.
        let last = self.services.len() - 1;
        &mut self.services[last]
    }

    pub(crate) fn plan(self) -> Result<Plan, RegistryError> {
        let entries: Vec<Entry<'_>> = self.services.iter().map(Declared::entry).collect();
        let found = check(&entries);
        if !found.is_empty() {
            return Err(RegistryError::new(found));
        }
        let graph = self.graph();
        Ok(Plan {
            services: self
                .services
                .into_iter()
                .map(|declared| declared.planned)
                .collect(),
            graph,
        })
    }

    fn graph(&self) -> Graph {
        let indexes: HashMap<&str, u32> = self
            .services
            .iter()
            .zip(0..)
            .map(|(declared, index)| (&*declared.planned.name, index))
            .collect();
        let after: Vec<Vec<u32>> = self
            .services
            .iter()
            .map(|declared| {
                declared
                    .after
                    .iter()
                    .filter_map(|name| indexes.get(name.as_str()).copied())
                    .collect()
            })
            .collect();
        Graph::new(&after)
    }
}

impl Declared {
    fn entry(&self) -> Entry<'_> {
        Entry {
            name: &self.planned.name,
            after: self.after.iter().map(Name::as_str).collect(),
        }
    }
}
