fn main() {
    let registry = {
        use ::lifecycle as __lifecycle;
        let mut __registry = __lifecycle::__private::assembly();
        __registry.service("sdk", sdk);
        __registry.service("store", Store::open(path)?).after(&["sdk"]);
        __registry.service("api", Api { store }).after(&["store", "sdk"]);
        __registry.finish()
    };
}
