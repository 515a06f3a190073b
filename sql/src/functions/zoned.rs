//! `to_timestamp` and its kin, with the zone that they promise.
//!
//! In a session with a time zone, and ours always have one, they promise zoned timestamps. From texts
//! in a column DataFusion makes the right moments, but leaves the zone off; its engine then refuses
//! the result.

use std::sync::Arc;

use datafusion::arrow::array::{Array, make_array};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::functions::datetime;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature,
};

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    let config = ConfigOptions::default();
    let functions = [
        datetime::to_timestamp(&config),
        datetime::to_timestamp_seconds(&config),
        datetime::to_timestamp_millis(&config),
        datetime::to_timestamp_micros(&config),
        datetime::to_timestamp_nanos(&config),
    ];
    functions
        .into_iter()
        .map(|inner| Arc::new(ScalarUDF::new_from_impl(Zoned { inner })))
        .collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Zoned {
    inner: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for Zoned {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        self.inner.inner().return_type(args)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.inner().return_field_from_args(args)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let inner = self.inner.inner().with_updated_config(config)?;
        let inner = Arc::new(inner);
        Some(ScalarUDF::new_from_impl(Self { inner }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let promised = args.return_field.data_type().clone();
        match self.inner.inner().invoke_with_args(args)? {
            ColumnarValue::Array(array) if *array.data_type() != promised => {
                // The numbers are right as they are: a cast would read them as local times.
                let data = array.to_data().into_builder().data_type(promised);
                Ok(ColumnarValue::Array(make_array(data.build()?)))
            }
            value => Ok(value),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}
