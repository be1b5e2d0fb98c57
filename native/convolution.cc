// What XLA calls for dense convolutions.
#include "convolution_back.h"
#include "convolution_calls.h"

namespace liuli {

CONVOLUTION(convolution);

}  // namespace liuli
