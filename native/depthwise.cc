// What XLA calls for depthwise convolutions.
#include "depthwise.h"

#include "convolution_calls.h"

namespace liuli {

CONVOLUTION(depthwise);

}  // namespace liuli
