/// Sine and cosine, kept apart so that drawing files need no Foundation themselves.
import Foundation

func sineAndCosine(_ angle: Double) -> (sine: Double, cosine: Double) { (sin(angle), cos(angle)) }
