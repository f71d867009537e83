#![doc = include_str!("../README.md")]

use proc_macro::TokenStream;
use quote::{ToTokens, quote};
use syn::{Block, Error, ImplItem, Item, ItemImpl, ItemStruct, ReturnType, Signature, Type, parse_macro_input};

/// Runs what Python calls in the guard.
///
/// - Before `#[pymethods]`: the body of each method, except `__traverse__`, which may not touch Python.
/// - Before `#[pyfunction]` or `#[pymodule]`: the body of the function.
/// - Before `#[pyclass]`: the drop of a value, since dropping what it holds can run Python code. The class has no `Drop`
///   of its own and is not taken apart.
///
/// After a panic, which is logged, a function that returns a number, a `bool`, a `String`, an `Option`, a `Vec` or nothing
/// returns the default of that type. Any other raises `RuntimeError`: one without a `Result` is made to return a
/// `PyResult`.
#[proc_macro_attribute]
pub fn guarded(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    match parse_macro_input!(item as Item) {
        Item::Impl(block) => methods(block),
        Item::Fn(mut function) => {
            let what = function.sig.ident.to_string();
            guard_body(&what, &mut function.sig, &mut function.block);
            function.into_token_stream()
        }
        Item::Struct(class) => guarded_drop(&class),
        other => {
            Error::new_spanned(other, "#[guarded] goes before #[pymethods], #[pyfunction], #[pymodule] or #[pyclass]")
                .into_compile_error()
        }
    }
    .into()
}

fn methods(mut block: ItemImpl) -> proc_macro2::TokenStream {
    let class = type_name(&block.self_ty);
    for item in &mut block.items {
        if let ImplItem::Fn(method) = item
            && method.sig.ident != "__traverse__"
        {
            let what = format!("{class}.{}", method.sig.ident);
            guard_body(&what, &mut method.sig, &mut method.block);
        }
    }
    block.into_token_stream()
}

/// Puts a body into the guard. What returns no result is made to return one, so that an interrupt can leave it.
fn guard_body(what: &str, signature: &mut Signature, body: &mut Block) {
    let output = match &signature.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, output) => output.to_token_stream(),
    };
    let name = match &signature.output {
        ReturnType::Default => String::new(),
        ReturnType::Type(_, output) => type_name(output),
    };
    *body = match name.as_str() {
        name if name.ends_with("Result") => {
            syn::parse_quote!({ ::otel_rs_core::guard::guard_result(#what, || -> #output #body) })
        }
        "" | "bool" | "f64" | "i64" | "u32" | "u64" | "usize" | "String" | "Option" | "Vec" => {
            syn::parse_quote!({ ::otel_rs_core::guard::guard_or_default(#what, || -> #output #body) })
        }
        _ => syn::parse_quote!({
            ::otel_rs_core::guard::guard_result(#what, || ::core::result::Result::Ok((|| -> #output #body)()))
        }),
    };
    if !name.ends_with("Result") {
        signature.output = syn::parse_quote!(-> ::pyo3::PyResult<#output>);
    }
}

fn guarded_drop(class: &ItemStruct) -> proc_macro2::TokenStream {
    let name = &class.ident;
    quote! {
        #class

        impl ::core::ops::Drop for #name {
            fn drop(&mut self) {
                ::otel_rs_core::guard::enter();
            }
        }
    }
}

/// The last name in the path of a type.
fn type_name(of: &Type) -> String {
    match of {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default(),
        _ => String::new(),
    }
}
