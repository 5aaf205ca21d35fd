using Cellcast.Tensors.Random;

namespace Cellcast.Tensors.Autodiff;

/// <summary>How far an operation's gradient is from finite differences.</summary>
/// <param name="Parameter">With respect to what.</param>
/// <param name="RelativeError">Norm of the difference over the larger norm of the two gradients; 0 where both vanish.</param>
public readonly record struct GradientError(Parameter Parameter, double RelativeError);

/// <summary>Compares gradients with finite differences.</summary>
public static class GradientCheck
{
    /// <summary>Differentiates a random projection of a result, backwards and by differences of fourth order.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="inputs">With respect to what; not frozen. Their values are the point at which to check and are put back.</param>
    /// <param name="result">Computes the result from the inputs, on the given tape.</param>
    /// <param name="step">Half the distance of the inner differences; with float32 results 1e-2 balances rounding against curvature for inputs of order one.</param>
    /// <returns>One figure per input.</returns>
    public static IReadOnlyList<GradientError> Run(Device device, IReadOnlyList<Parameter> inputs, Func<Tape, Tensor> result, float step = 1e-2f)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(result);
        var tape = new Tape(device);
        foreach (var p in inputs) p.ClearGradient();
        var y = result(tape);
        var projection = new float[y.Length];
        RandomFill.Uniform(RandomKey.From(0, "gradient check"), projection, -1, 1);
        if (y.Length == 1) projection[0] = 1;
        tape.Backward(Op.Sum(Op.Multiply(y, tape.Input(projection, y.Shape))));
        tape.Reset();
        tape.RecordsGradients = false;
        var errors = new List<GradientError>();
        foreach (var p in inputs)
        {
            double difference = 0, analytic = 0, numeric = 0;
            float[] gradient = p.Gradient.ToArray();
            for (int i = 0; i < p.Length; i++)
            {
                double d = Derivative(p, i);
                difference += (gradient[i] - d) * (gradient[i] - d);
                analytic += (double)gradient[i] * gradient[i];
                numeric += d * d;
            }
            double norm = Math.Sqrt(Math.Max(analytic, numeric));
            errors.Add(new GradientError(p, norm == 0 ? 0 : Math.Sqrt(difference) / norm));
        }
        return errors;

        double Derivative(Parameter p, int i)
        {
            // (8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12 h; results are subtracted before they are added up, which keeps float32 rounding small.
            float x = p.Span[i];
            float[] near = At(x + step), nearBelow = At(x - step), far = At(x + 2 * step), farBelow = At(x - 2 * step);
            p.Span[i] = x;
            double sum = 0;
            for (int j = 0; j < projection.Length; j++) sum += projection[j] * (8 * ((double)near[j] - nearBelow[j]) - ((double)far[j] - farBelow[j]));
            return sum / (12.0 * step);

            float[] At(float value)
            {
                p.Span[i] = value;
                float[] values = result(tape).ToArray();
                tape.Reset();
                return values;
            }
        }
    }
}
