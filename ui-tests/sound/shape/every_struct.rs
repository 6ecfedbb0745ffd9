#![deny(warnings)]

use std::fmt::Debug;
use std::marker::PhantomData;

use lifecycle::{Idle, Service, service};

#[service(idle)]
struct Unit;

#[service(idle)]
pub(crate) struct Tuple(pub u8, String);

#[service(idle)]
struct Named {
    #[cfg(any())]
    removed: u8,
    #[allow(dead_code)]
    kept: u8,
}

#[service(idle)]
struct Generic<T>(T);

#[service(idle)]
struct Bounded<K: Ord, V = u32>
where
    V: Debug,
{
    entries: Vec<(K, V)>,
}

#[service(idle)]
struct Sized8<const N: usize = 8>([u8; N]);

#[service(idle)]
struct Borrowed<'a, 'b: 'a>(&'a str, PhantomData<&'b ()>)
where
    'b: 'static;

#[service(idle)]
struct Unsized<T: ?Sized>(Box<T>);

#[service(idle)]
#[allow(non_camel_case_types)]
struct r#struct;

impl Idle for Unit {}
impl Idle for Tuple {}
impl Idle for Named {}
// Only where it can be one: an impl may ask for more than the struct does.
impl<T: Send + Sync + Clone> Idle for Generic<T> {}
impl<K: Ord + Send + Sync, V: Debug + Send + Sync> Idle for Bounded<K, V> {}
impl Idle for Sized8<4> {}
impl Idle for Borrowed<'_, '_> {}
impl<T: ?Sized + Send + Sync> Idle for Unsized<T> {}
impl Idle for r#struct {}

fn check<S: Service>(_: S) {}

pub fn main() {
    check(Unit);
    check(Tuple(1, String::new()));
    check(Named { kept: 1 });
    check(Generic("text"));
    check(Bounded {
        entries: vec![("key", 1_u8)],
    });
    check(Sized8([0; 4]));
    check(Borrowed("text", PhantomData));
    check(Unsized::<str>("text".into()));
    check(r#struct);
}
