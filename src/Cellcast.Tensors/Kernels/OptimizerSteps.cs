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
        Run(parameter, gradient, firstMoment, secondMoment, settings, decoupled: true);

    /// <summary>One step of Adam (Kingma and Ba, 2015; weight decay, if any, as an L2 penalty).</summary>
    public static void Adam(Workers workers, Span<float> parameter, ReadOnlySpan<float> gradient, Span<float> firstMoment, Span<float> secondMoment, in AdamSettings settings) =>
        Run(parameter, gradient, firstMoment, secondMoment, settings, decoupled: false);

    private static void Run(Span<float> parameter, ReadOnlySpan<float> gradient, Span<float> m, Span<float> v, in AdamSettings s, bool decoupled)
    {
        Guard.SameLength(parameter.Length, gradient.Length);
        Guard.SameLength(parameter.Length, m.Length);
        Guard.SameLength(parameter.Length, v.Length);
        Reference.Adam(parameter, gradient, m, v, s, decoupled);
    }
}
