fn main() {
    let registry = {
        use ::lifecycle as __lifecycle;
        ::core::compile_error! {
            "unknown setting `deadlin`\nhelp: did you mean `deadline`?"
        }
        ::core::compile_error! {
            "the value of `store` is cut short\nhelp: write what follows `.`"
        }
        ::core::compile_error! {
            "the duration `10` has no unit\nhelp: write `stop_timeout = \"10s\"` for seconds"
        }
        ::core::compile_error! {
            "this service has no name\nhelp: write `\"tokenizer\" => tokenizer.clone()`"
        }
        let mut __registry = __lifecycle::__private::assembly();
        __registry.service("api", Api).after(&["store"]);
        match (cfg.deadline) {
            _ => {}
        }
        match (store.connect()) {
            _ => {}
        }
        match (tokenizer.clone()) {
            _ => {}
        }
        __registry.finish()
    };
}
