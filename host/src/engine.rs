//! How WebAssembly is compiled and run. The build script includes this file, so that what it compiles is what the host can load.

use wasmtime::Config;

/// What changes the compiled code must be the same in both places.
pub fn config() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.wasm_component_model_async(true);
    // Time is limited, and whoever loops for ever can be dropped.
    config.epoch_interruption(true);
    // Bytes must be the same everywhere: nothing whose result may differ between machines.
    config.wasm_relaxed_simd(false);
    config.cranelift_nan_canonicalization(true);
    config
}
