// Eight floats at a time, by the compiler's portable vector types, and the functions of them that kernels need.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#define INLINE __attribute__((always_inline)) inline

namespace liuli {

constexpr int W = 8;  // floats in a vector
typedef float vec __attribute__((vector_size(4 * W)));
typedef int32_t ivec __attribute__((vector_size(4 * W)));
typedef float loose __attribute__((vector_size(4 * W), aligned(4), may_alias));  // in memory, at any address

INLINE vec all(float x) { return vec{x, x, x, x, x, x, x, x}; }
INLINE vec load(const float* p) { return *reinterpret_cast<const loose*>(p); }
INLINE void store(float* p, vec v) { *reinterpret_cast<loose*>(p) = v; }

// The first n floats at p, the others 0; n may be 0 or less, or more than W.
INLINE vec load(const float* p, int n) {
  if (n >= W) return load(p);
  alignas(32) float part[W] = {};
  for (int i = 0; i < n; i++) part[i] = p[i];
  return load(part);
}
INLINE void store(float* p, vec v, int n) {
  if (n >= W) return store(p, v);
  for (int i = 0; i < n; i++) p[i] = v[i];
}

// Not a number stays so in all of these: a comparison with it is false.
INLINE vec larger(vec a, vec b) { return b > a ? b : a; }
INLINE vec clamp(vec x, float low, float high) {
  x = x > all(high) ? all(high) : x;
  return x < all(low) ? all(low) : x;
}
INLINE vec where(ivec test, vec yes, vec no) { return test ? yes : no; }
INLINE vec relu(vec x) { return x < vec{} ? vec{} : x; }

INLINE ivec lanes() { return ivec{0, 1, 2, 3, 4, 5, 6, 7}; }
INLINE ivec first(int n) { return lanes() < (ivec{} + n); }  // true in the first n lanes

INLINE float sum(vec v) {
  float s = 0;
  for (int i = 0; i < W; i++) s += v[i];
  return s;
}
INLINE float largest(vec v) {
  float m = v[0];
  for (int i = 1; i < W; i++) m = v[i] > m ? v[i] : m;
  return m;
}

// e^x = 2^n e^r with |r| <= ln 2 / 2, e^r by a polynomial (Cephes); relative error 2e-7, 0 below -87.
INLINE vec exp(vec x) {
  ivec under = x < all(-87.3f);
  x = clamp(x, -87.3f, 88.37f);
  const vec magic = all(12582912.f);  // 1.5 * 2^23: adding it rounds to an integer
  vec n = (x * 1.44269504f + magic) - magic;
  vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
  vec p = all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  ivec power = (__builtin_convertvector(n, ivec) + 127) << 23;
  return where(under, vec{}, p * (vec)power);
}

// tanh x = x p(x^2) / q(x^2), a rational approximation (as in Eigen); |x| beyond 7.9 is 1 in float.
INLINE vec tanh(vec x) {
  x = clamp(x, -7.90531110763549805f, 7.90531110763549805f);
  vec s = x * x;
  vec p = s * -2.76076847742355e-16f + 2.00018790482477e-13f;
  p = s * p + -8.60467152213735e-11f;
  p = s * p + 5.12229709037114e-08f;
  p = s * p + 1.48572235717979e-05f;
  p = s * p + 6.37261928875436e-04f;
  p = s * p + 4.89352455891786e-03f;
  vec q = s * 1.19825839466702e-06f + 1.18534705686654e-04f;
  q = s * q + 2.26843463243900e-03f;
  q = s * q + 4.89352518554385e-03f;
  return x * p / q;
}
INLINE vec sigmoid(vec x) { return 0.5f * tanh(0.5f * x) + 0.5f; }

}  // namespace liuli
