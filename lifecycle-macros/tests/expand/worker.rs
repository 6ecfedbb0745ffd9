pub(crate) struct Consumer(Queue);
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Consumer {
        type Shape = __lifecycle::WorkerShape;
    }
    #[automatically_derived]
    impl __lifecycle::WorkerService for Consumer {}
};
