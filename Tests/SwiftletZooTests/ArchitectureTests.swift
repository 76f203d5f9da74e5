import SwiftletGraph
import Testing

@testable import SwiftletZoo

@Suite struct ArchitectureTests {
    private func message(_ spec: String) -> String? {
        do {
            _ = try Architecture(parsing: spec)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: Architecture.names) func canonicalSpecsRoundTrip(name: String) throws {
        let architecture = try Architecture(parsing: name)
        let again = try Architecture(parsing: architecture.spec)
        #expect(again == architecture)
        #expect(again.spec == architecture.spec)
        #expect(try again.makeGraph().nodes == architecture.makeGraph().nodes)
    }

    @Test(arguments: Architecture.names) func everyNetworkEndsInItsClasses(name: String) throws {
        for options in ["classes=7", "classes=3,resolution=32,channels=1"] {
            let graph = try Architecture(parsing: "\(name):\(options)").makeGraph()
            #expect(graph.outputShape.description == (options.hasPrefix("classes=7") ? "1x1x7" : "1x1x3"))
            #expect(Set(graph.nodes.map(\.name)).count == graph.nodes.count)
        }
    }

    @Test func theSpecWritesEveryOption() throws {
        let architecture = try Architecture(parsing: "mobilenet-v2:width=0.35,resolution=144,classes=10")
        #expect(
            architecture.spec == "mobilenet-v2:width=0.35,resolution=144,channels=3,stem=imagenet,classes=10")
    }

    @Test func smallPicturesGetTheCifarStem() throws {
        #expect(try Architecture(parsing: "mobilenet-v2:resolution=64").spec.contains("stem=cifar"))
        #expect(try Architecture(parsing: "mobilenet-v2:resolution=65").spec.contains("stem=imagenet"))
        #expect(try Architecture(parsing: "mobilenet-v2:stem=cifar").spec.contains("resolution=32"))
        #expect(try Architecture(parsing: "mobilenet-v2:stem=imagenet,resolution=32").spec.contains("stem=imagenet"))
    }

    @Test func defaultsFillOnlyWhatTheTextLeavesOut() throws {
        let architecture = try Architecture(
            parsing: "mobilenet-v1:classes=3", defaults: ["classes": "10", "resolution": "32", "growth": "8"])
        #expect(architecture.spec == "mobilenet-v1:width=1.0,resolution=32,channels=3,stem=cifar,classes=3")
    }

    @Test func unknownNamesSuggestTheNearest() {
        let known = Architecture.names.joined(separator: ", ")
        #expect(
            message("mobilnet-v2")
                == "unknown architecture 'mobilnet-v2' (did you mean 'mobilenet-v2'?); known: \(known)")
        #expect(message("") == "unknown architecture ''; known: \(known)")
    }

    @Test func unknownOptionsSuggestTheNearest() {
        #expect(
            message("mobilenet-v2:resolutoin=32")
                == "mobilenet-v2 has no option 'resolutoin' (did you mean 'resolution'?); "
                + "known: width, hidden, resolution, channels, stem, classes, "
                + "padding, norm, epsilon")
    }

    @Test func badValuesSayWhatIsExpected() {
        #expect(
            message("mobilenet-v2:width=wide")
                == "mobilenet-v2: width=wide cannot be used; expected a number from 0.05 to 8.0")
        #expect(
            message("mobilenet-v2:width=nan")
                == "mobilenet-v2: width=nan cannot be used; expected a number from 0.05 to 8.0")
        #expect(
            message("shufflenet-v2:width=0.7")
                == "shufflenet-v2: width=0.7 cannot be used; expected one of 0.5, 1.0, 1.5, 2.0")
        #expect(
            message("mobilenet-v2:stem=small")
                == "mobilenet-v2: stem=small cannot be used; expected one of imagenet, cifar")
        #expect(
            message("mobilenet-v2:classes=0")
                == "mobilenet-v2: classes=0 cannot be used; expected a whole number from 1 to 100000")
    }

    @Test func malformedOptionsAreRefused() {
        #expect(
            message("mobilenet-v2:width")
                == "mobilenet-v2: 'width' is not option=value; write for example mobilenet-v2:classes=10")
        #expect(
            message("mobilenet-v2:,")
                == "mobilenet-v2: '' is not option=value; write for example mobilenet-v2:classes=10")
        #expect(
            message("mobilenet-v2:width=1,width=2") == "mobilenet-v2: option 'width' is given twice; keep one")
    }

    @Test func editDistanceCountsEdits() {
        #expect(editDistance(Array("kitten"), Array("sitting")) == 3)
        #expect(editDistance([], Array("abc")) == 3)
        #expect(nearestName(to: "zzzzzz", among: ["width"]) == nil)
    }

    /// The networks that peers are measured on hold the same work: multiply-accumulates and weights (without biases and
    /// batch norms), counted there by another program. CondenseNet's classifier reads half its inputs there.
    @Test(
        arguments: [
            ("mobilenet-v1", 568.74, 4_209_088), ("mobilenet-v1:width=0.25,resolution=96,classes=2", 7.49, 208_112),
            ("mobilenet-v2", 300.77, 3_469_760), ("mobilenet-v2:width=0.35,resolution=96", 11.93, 1_662_048),
            ("shufflenet-v1:groups=3", 137.46, 1_840_248), ("shufflenet-v2", 144.91, 2_261_424),
            ("condensenet", 516.64 + 1.032, 4_709_488 + 1_032_000),
        ])
    func benchmarkedNetworksHoldTheSameWork(spec: String, megaMACs: Double, weights: Int) throws {
        let graph = try Architecture(parsing: spec).makeGraph()
        #expect(abs(Double(graph.macs) / 1e6 - megaMACs) < 0.006, "\(graph.macs)")
        var count = 0
        for node in graph.nodes {
            let inputs = graph.shape(of: node.inputs[0]).channels
            switch node.operation {
            case .convolution(let convolution):
                let kernel = convolution.window.kernel
                count += convolution.outputChannels * inputs / convolution.groups * kernel.height * kernel.width
            case .learnedGroupConvolution(let convolution):
                count += convolution.outputChannels * inputs / convolution.condensationFactor
            case .linear(let outputs): count += outputs * inputs
            default: break
            }
        }
        #expect(count == weights)
    }
}
