namespace Cellcast.Tensors.Kernels;

public static partial class Reference
{
    /// <summary>One step of AdamW (decoupled) or Adam.</summary>
    public static void Adam(Span<float> parameter, ReadOnlySpan<float> gradient, Span<float> m, Span<float> v, in AdamSettings s, bool decoupled)
    {
        double correction1 = 1 - Math.Pow(s.Beta1, s.Step), correction2 = 1 - Math.Pow(s.Beta2, s.Step);
        for (int i = 0; i < parameter.Length; i++)
        {
            double p = parameter[i], g = gradient[i];
            if (decoupled) p *= 1 - s.LearningRate * s.WeightDecay;
            else g += s.WeightDecay * p;
            double mi = s.Beta1 * m[i] + (1 - s.Beta1) * g, vi = s.Beta2 * v[i] + (1 - s.Beta2) * g * g;
            m[i] = (float)mi;
            v[i] = (float)vi;
            parameter[i] = (float)(p - s.LearningRate * (mi / correction1) / (Math.Sqrt(vi / correction2) + s.Epsilon));
        }
    }
}
