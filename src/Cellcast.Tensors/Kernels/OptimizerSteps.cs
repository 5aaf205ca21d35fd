using System.Runtime.CompilerServices;
using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Settings of one step of Adam or AdamW as PyTorch defines them.</summary>
/// <param name="LearningRate">Learning rate.</param>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
/// <param name="WeightDecay">AdamW: decoupled, parameter *= 1 - learning rate * decay. Adam: added to the gradient.</param>
/// <param name="Step">Number of this step, counted from 1.</param>
public readonly record struct AdamSettings(double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay, long Step);

/// <summary>Optimiser updates fused into one pass over parameter, gradient and moments.</summary>
public static class OptimizerSteps
{
    /// <summary>One step of AdamW (Loshchilov and Hutter, 2019; decoupled weight decay).</summary>
    public static void AdamW(Workers workers, Span<float> parameter, ReadOnlySpan<float> gradient, Span<float> firstMoment, Span<float> secondMoment, in AdamSettings settings) =>
        Run(workers, parameter, gradient, firstMoment, secondMoment, settings, decoupled: true);

    /// <summary>One step of Adam (Kingma and Ba, 2015; weight decay, if any, as an L2 penalty).</summary>
    public static void Adam(Workers workers, Span<float> parameter, ReadOnlySpan<float> gradient, Span<float> firstMoment, Span<float> secondMoment, in AdamSettings settings) =>
        Run(workers, parameter, gradient, firstMoment, secondMoment, settings, decoupled: false);

    private static unsafe void Run(Workers workers, Span<float> parameter, ReadOnlySpan<float> gradient, Span<float> m, Span<float> v, in AdamSettings s, bool decoupled)
    {
        Guard.SameLength(parameter.Length, gradient.Length);
        Guard.SameLength(parameter.Length, m.Length);
        Guard.SameLength(parameter.Length, v.Length);
        fixed (float* pp = parameter, pg = gradient, pm = m, pv = v)
        {
            workers.ForVectors(Maps.Blocks(parameter.Length), new AdamKernel
            {
                Parameter = pp,
                Gradient = pg,
                First = pm,
                Second = pv,
                Length = parameter.Length,
                Beta1 = (float)s.Beta1,
                Rest1 = (float)(1 - s.Beta1),
                Beta2 = (float)s.Beta2,
                Rest2 = (float)(1 - s.Beta2),
                Epsilon = (float)s.Epsilon,
                Keep = decoupled ? (float)(1 - s.LearningRate * s.WeightDecay) : 1f,
                Penalty = decoupled ? 0f : (float)s.WeightDecay,
                StepSize = (float)(s.LearningRate / (1 - Math.Pow(s.Beta1, s.Step))),
                InverseRoot = (float)(1 / Math.Sqrt(1 - Math.Pow(s.Beta2, s.Step))),
            });
        }
    }

    private unsafe struct AdamKernel : IVectorKernel
    {
        public float* Parameter, Gradient, First, Second;
        public int Length;
        public float Beta1, Rest1, Beta2, Rest2, Epsilon, Keep, Penalty, StepSize, InverseRoot;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            T beta1 = T.Create(Beta1), rest1 = T.Create(Rest1), beta2 = T.Create(Beta2), rest2 = T.Create(Rest2);
            T epsilon = T.Create(Epsilon), keep = T.Create(Keep), penalty = T.Create(Penalty), step = T.Create(-StepSize), root = T.Create(InverseRoot);
            int end = Math.Min(Length, (block + 1) * Maps.BlockLength);
            for (int i = block * Maps.BlockLength; i < end; i += T.Count)
            {
                int left = end - i;
                bool whole = left >= T.Count;
                T p = whole ? T.Load(Parameter + i) : T.LoadPartial(Parameter + i, left), g = whole ? T.Load(Gradient + i) : T.LoadPartial(Gradient + i, left);
                T m = whole ? T.Load(First + i) : T.LoadPartial(First + i, left), v = whole ? T.Load(Second + i) : T.LoadPartial(Second + i, left);
                g = T.Fma(penalty, p, g);
                m = T.Fma(beta1, m, rest1 * g);
                v = T.Fma(beta2, v, rest2 * g * g);
                p = T.Fma(step, m / T.Fma(T.Sqrt(v), root, epsilon), p * keep);
                if (whole)
                {
                    T.Store(Parameter + i, p);
                    T.Store(First + i, m);
                    T.Store(Second + i, v);
                }
                else
                {
                    T.StorePartial(Parameter + i, p, left);
                    T.StorePartial(First + i, m, left);
                    T.StorePartial(Second + i, v, left);
                }
            }
        }
    }
}
