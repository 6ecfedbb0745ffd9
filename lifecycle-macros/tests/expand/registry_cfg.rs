fn main() {
    let registry = {
        use ::lifecycle as __lifecycle;
        const _: () = {
            #[derive(__lifecycle::__private::RegistryCheck)]
            #[allow(dead_code)]
            enum Entries {
                #[entry("store")]
                Entry0,
                #[cfg(feature = "api")]
                #[cfg(unix)]
                #[entry("api", "store")]
                Entry1,
                #[cfg(not(feature = "api"))]
                #[entry("api")]
                Entry2,
            }
        };
        let mut registry = __lifecycle::__private::assembly();
        registry.service("store", store);
        #[cfg(feature = "api")] #[cfg(unix)]
        registry.service("api", Api).after(&["store"]);
        #[cfg(not(feature = "api"))] registry.service("api", Stub);
        registry.finish()
    };
}
