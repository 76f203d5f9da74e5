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
                + "known: width, resolution, channels, stem, classes")
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
}
