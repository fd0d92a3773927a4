//! Repairs of models that are sound by the ONNX specification but not for the runtime.
//! **Invariant:** a repair never changes what the specification says that the model computes.
//! It does not make models faster.

use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, TensorProto, attribute_proto::AttributeType};

/// Repairs the model in place; says how often.
pub(crate) fn repair(model: &mut ModelProto) -> usize {
    model.graph.as_mut().map_or(0, graph)
}

fn graph(graph: &mut GraphProto) -> usize {
    let mut repairs = 0;
    for node in &mut graph.node {
        // Without `value` the specification means a float32 zero; tract 0.23.9 takes a float64 one.
        if node.op_type == "ConstantOfShape" && node.attribute.iter().all(|a| a.name != "value") {
            node.attribute.push(AttributeProto {
                name: "value".to_owned(),
                r#type: AttributeType::Tensor as i32,
                t: Some(TensorProto {
                    dims: vec![1],
                    data_type: 1, // float
                    float_data: vec![0.0],
                    ..Default::default()
                }),
                ..Default::default()
            });
            repairs += 1;
        }
        for a in &mut node.attribute {
            repairs += a.g.iter_mut().chain(&mut a.graphs).map(self::graph).sum::<usize>();
        }
    }
    repairs
}
