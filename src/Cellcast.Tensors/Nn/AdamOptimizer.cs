using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors.Nn;

/// <summary>Adam (Kingma and Ba 2014) and its variant with decoupled weight decay, with the semantics of PyTorch: a step of t moves
/// m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, p -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps).</summary>
/// <remarks>Only the given parameters are ever touched; among them, one that is frozen or that no gradient has reached since <see cref="ClearGradients"/> stays as
/// it is and keeps its step count.</remarks>
public abstract class AdamOptimizer
{
    private readonly List<State> _states = [];

    private protected AdamOptimizer(IEnumerable<Parameter> parameters, double learningRate, double beta1, double beta2, double epsilon, double weightDecay)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        foreach (var p in parameters)
        {
            if (_states.Exists(s => s.Parameter == p)) throw new ArgumentException($"'{p.Name}' is given twice", nameof(parameters));
            _states.Add(new State(p, Tensor.Zeros(p.ShapeArray), Tensor.Zeros(p.ShapeArray)));
        }
        (LearningRate, Beta1, Beta2, Epsilon, WeightDecay) = (learningRate, beta1, beta2, epsilon, weightDecay);
    }

    /// <summary>Size of a step; may be changed between steps.</summary>
    public double LearningRate { get; set; }

    /// <summary>Decay of the first moment.</summary>
    public double Beta1 { get; }

    /// <summary>Decay of the second moment.</summary>
    public double Beta2 { get; }

    /// <summary>Added to the root of the second moment.</summary>
    public double Epsilon { get; }

    /// <summary>Strength of the pull towards zero.</summary>
    public double WeightDecay { get; }

    /// <summary>What is trained.</summary>
    public IEnumerable<Parameter> Parameters => _states.Select(s => s.Parameter);

    /// <summary>Moves every parameter that has a gradient.</summary>
    /// <param name="device">Computes.</param>
    public void Step(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        foreach (var s in _states)
        {
            if (s.Parameter.Frozen || !s.Parameter.HasGradient) continue;
            s.Steps++;
            device.AdamStep(s.Parameter, s.Parameter.Gradient, s.First, s.Second, new AdamSettings(LearningRate, Beta1, Beta2, Epsilon, WeightDecay, s.Steps), Decoupled);
        }
    }

    /// <summary>Starts the next gradients from nothing.</summary>
    public void ClearGradients()
    {
        foreach (var s in _states) s.Parameter.ClearGradient();
    }

    /// <summary>Scales all gradients down, if need be, to a total Euclidean norm of <paramref name="maximum"/>.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="maximum">Largest norm of all gradients taken together.</param>
    /// <returns>The norm before.</returns>
    public double ClipGradientNorm(Device device, double maximum)
    {
        ArgumentNullException.ThrowIfNull(device);
        double squares = 0;
        foreach (var s in _states)
        {
            if (s.Parameter.Frozen || !s.Parameter.HasGradient) continue;
            foreach (float g in s.Parameter.Gradient.Span) squares += (double)g * g;
        }
        double norm = Math.Sqrt(squares);
        float factor = (float)(maximum / (norm + 1e-6));
        if (factor < 1)
            foreach (var s in _states)
                if (!s.Parameter.Frozen && s.Parameter.HasGradient) device.Affine(s.Parameter.Gradient, factor, 0, s.Parameter.Gradient);
        return norm;
    }

    /// <summary>Everything that a resumed run needs to continue bit for bit, by name: <c>NAME/first_moment</c>, <c>NAME/second_moment</c> and <c>NAME/steps</c>.</summary>
    public SortedDictionary<string, Tensor> ExportState()
    {
        var state = new SortedDictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var s in _states)
        {
            state.Add(s.Parameter.Name + "/first_moment", Tensor.From(s.First.Span, s.First.ShapeArray));
            state.Add(s.Parameter.Name + "/second_moment", Tensor.From(s.Second.Span, s.Second.ShapeArray));
            // Two floats hold any step count up to 2^48 exactly.
            state.Add(s.Parameter.Name + "/steps", Tensor.From([s.Steps % (1 << 24), s.Steps / (1 << 24)]));
        }
        return state;
    }

    /// <summary>Continues from what <see cref="ExportState"/> gave.</summary>
    /// <param name="state">By name.</param>
    /// <exception cref="InvalidDataException">A part is missing or has another shape; then nothing is changed.</exception>
    public void ImportState(IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        foreach (var s in _states)
            foreach (var (suffix, length) in new[] { ("/first_moment", s.First.Length), ("/second_moment", s.First.Length), ("/steps", 2) })
                if (!state.TryGetValue(s.Parameter.Name + suffix, out var t) || t.Length != length)
                    throw new InvalidDataException($"the optimiser state lacks '{s.Parameter.Name}{suffix}' with {length} numbers");
        foreach (var s in _states)
        {
            state[s.Parameter.Name + "/first_moment"].Span.CopyTo(s.First.Span);
            state[s.Parameter.Name + "/second_moment"].Span.CopyTo(s.Second.Span);
            var steps = state[s.Parameter.Name + "/steps"].Span;
            s.Steps = (long)steps[0] + (long)steps[1] * (1 << 24);
        }
    }

    private protected abstract bool Decoupled { get; }

    private sealed class State(Parameter parameter, Tensor first, Tensor second)
    {
        internal Parameter Parameter => parameter;
        internal Tensor First => first;
        internal Tensor Second => second;
        internal long Steps;
    }
}

/// <summary>Adam; weight decay, if any, is added to the gradient.</summary>
/// <param name="parameters">What is trained.</param>
/// <param name="learningRate">Size of a step.</param>
/// <param name="beta1">Decay of the first moment.</param>
/// <param name="beta2">Decay of the second moment.</param>
/// <param name="epsilon">Added to the root of the second moment.</param>
/// <param name="weightDecay">Times the parameter, added to the gradient.</param>
public sealed class Adam(IEnumerable<Parameter> parameters, double learningRate = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, double weightDecay = 0)
    : AdamOptimizer(parameters, learningRate, beta1, beta2, epsilon, weightDecay)
{
    private protected override bool Decoupled => false;
}

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2017): every step first multiplies the parameter by 1 - learning rate x weight decay.</summary>
/// <param name="parameters">What is trained.</param>
/// <param name="learningRate">Size of a step.</param>
/// <param name="beta1">Decay of the first moment.</param>
/// <param name="beta2">Decay of the second moment.</param>
/// <param name="epsilon">Added to the root of the second moment.</param>
/// <param name="weightDecay">Strength of the pull towards zero.</param>
public sealed class AdamW(IEnumerable<Parameter> parameters, double learningRate = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, double weightDecay = 0.01)
    : AdamOptimizer(parameters, learningRate, beta1, beta2, epsilon, weightDecay)
{
    private protected override bool Decoupled => true;
}
