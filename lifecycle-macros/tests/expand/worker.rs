pub(crate) struct Consumer(Queue);
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle as __lifecycle;
    impl __lifecycle::__private::Declared for Consumer {
        type Shape = __lifecycle::__private::WorkerShape;
    }
    #[automatically_derived]
    impl __lifecycle::__private::WorkerService for Consumer {}
};
