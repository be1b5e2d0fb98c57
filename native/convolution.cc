// What XLA calls for dense convolutions.
#include "convolution_calls.h"
#include "winograd_passes.h"

namespace liuli {

CONVOLUTION(convolution);

}  // namespace liuli
