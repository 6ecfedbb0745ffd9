struct Collector<T> {
    cfg: Config<T>,
}
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl<T> __lifecycle::Declared for Collector<T>
    where
        Self: ::core::marker::Send + ::core::marker::Sync,
    {
        type Shape = __lifecycle::BrokenShape;
    }
    const _: () = {
        trait __Written {
            fn value(&self);
        }
        impl<T> __Written for Collector<T> {
            fn value(&self) {
                match (self.cfg) {
                    _ => {}
                }
            }
        }
    };
};
::core::compile_error! {
    "the value of `interval` is cut short\nhelp: write what follows `.`"
}
::core::compile_error! {
    "unknown argument `retries`\nhelp: remove it"
}
