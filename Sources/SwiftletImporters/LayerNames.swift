/// From the names that other programs give to layers to the zoo's.
///
/// torchvision's names are the zoo's own. Keras names layers by their place in the model; the tables below are those of
/// `keras.applications` and of MLPerf Tiny's models.
/// What it does not do: rename what it does not know; that comes out as a superfluous tensor.

enum LayerNames {
    /// The zoo's name for `layer` of a network `architecture`.
    static func zooName(of layer: String, architecture: String) -> String {
        switch architecture {
        case "mobilenet-v1": mobileNetV1(layer)
        case "mobilenet-v2": mobileNetV2(layer)
        case "resnet-8": resNet8(layer)
        default: layer
        }
    }

    /// "conv_dw_3_bn" and "batch_normalization_5" alike.
    private static func mobileNetV1(_ layer: String) -> String {
        switch layer {
        case "conv1", "conv2d": return "features.0.0"
        case "conv1_bn", "batch_normalization": return "features.0.1"
        case "conv_preds", "dense": return "classifier"
        case "depthwise_conv2d": return "features.1.0"
        default: break
        }
        if let number = number(in: layer, "conv_dw_", "_bn") { return "features.\(number).1" }
        if let number = number(in: layer, "conv_pw_", "_bn") { return "features.\(number).4" }
        if let number = number(in: layer, "conv_dw_") { return "features.\(number).0" }
        if let number = number(in: layer, "conv_pw_") { return "features.\(number).3" }
        if let number = number(in: layer, "depthwise_conv2d_") { return "features.\(number + 1).0" }
        if let number = number(in: layer, "conv2d_") { return "features.\(number).3" }
        if let number = number(in: layer, "batch_normalization_") {
            return "features.\((number + 1) / 2).\(number % 2 == 1 ? 1 : 4)"
        }
        return layer
    }

    /// "block_3_expand_BN"; "expanded_conv" is the first block, which does not expand.
    private static func mobileNetV2(_ layer: String) -> String {
        switch layer {
        case "Conv1": return "features.0.0"
        case "bn_Conv1": return "features.0.1"
        case "expanded_conv_depthwise": return "features.1.conv.0.0"
        case "expanded_conv_depthwise_BN": return "features.1.conv.0.1"
        case "expanded_conv_project": return "features.1.conv.1"
        case "expanded_conv_project_BN": return "features.1.conv.2"
        case "Conv_1": return "features.18.0"
        case "Conv_1_bn": return "features.18.1"
        case "Logits", "predictions", "dense_Dense2": return "classifier.1"
        case "dense_Dense1": return "hidden.0"
        default: break
        }
        let parts = [
            ("_expand", "0.0"), ("_expand_BN", "0.1"), ("_depthwise", "1.0"), ("_depthwise_BN", "1.1"),
            ("_project", "2"), ("_project_BN", "3"),
        ]
        for (suffix, place) in parts {
            if let number = number(in: layer, "block_", suffix) { return "features.\(number + 1).conv.\(place)" }
        }
        return layer
    }

    /// Convolutions and batch norms are numbered apart; the shortcut's convolution comes last in its stack.
    private static func resNet8(_ layer: String) -> String {
        switch layer {
        case "conv2d": return "stem.conv"
        case "batch_normalization": return "stem.norm"
        case "dense": return "classifier"
        default: break
        }
        let convolutions = [
            "stack1.conv1", "stack1.conv2", "stack2.conv1", "stack2.conv2", "stack2.shortcut", "stack3.conv1",
            "stack3.conv2", "stack3.shortcut",
        ]
        if let number = number(in: layer, "conv2d_"), convolutions.indices.contains(number - 1) {
            return convolutions[number - 1]
        }
        if let number = number(in: layer, "batch_normalization_"), (1...6).contains(number) {
            return "stack\((number + 1) / 2).norm\((number + 1) % 2 + 1)"
        }
        return layer
    }

    /// The number between `prefix` and `suffix`, when there is nothing else.
    private static func number(in text: String, _ prefix: String, _ suffix: String = "") -> Int? {
        guard text.hasPrefix(prefix), text.hasSuffix(suffix), text.count > prefix.count + suffix.count else {
            return nil
        }
        let number = Int(text.dropFirst(prefix.count).dropLast(suffix.count))
        return number.flatMap { (0...9999).contains($0) ? $0 : nil }
    }
}
