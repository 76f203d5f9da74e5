/// `SWIFTLET_ISA` forces the kernels of an instruction set; a name that means nothing is no silent fallback.
import Testing

@testable import SwiftletCommand

@Suite struct InstructionSetTests {
    @Test func anUnknownInstructionSetIsRefusedByName() {
        let refusal = Main.wrongInstructionSet("mmx") ?? ""
        #expect(refusal.hasPrefix("SWIFTLET_ISA is 'mmx', but this processor's kernels are "))
        #expect(refusal.hasSuffix("portable"))
    }

    @Test func portableAndNoneAreAlwaysThere() {
        #expect(Main.wrongInstructionSet("portable") == nil && Main.wrongInstructionSet("") == nil)
    }
}
