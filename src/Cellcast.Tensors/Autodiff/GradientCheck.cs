using Cellcast.Tensors.Random;

namespace Cellcast.Tensors.Autodiff;

/// <summary>How far an operation is from the truth.</summary>
/// <param name="Value">Norm of the difference of the values over their norm; 0 where there is no reference for them.</param>
/// <param name="Gradients">For every input, norm of the difference of the gradients over their norm, or that of the difference alone where they vanish.</param>
public sealed record GradientCheckResult(double Value, IReadOnlyList<double> Gradients);

/// <summary>Compares what operations compute with finite differences.</summary>
/// <remarks>Results are reduced to one number by a random projection, which is differentiated backwards, and by differences of fourth order.</remarks>
public static class GradientCheck
{
    private const double Vanishing = 1e-6;

    /// <summary>Differences of the operation itself, in float32: good to about 1e-3. For operations that nobody has written down in double precision.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="inputs">With respect to what; not frozen. Their values are the point at which to check.</param>
    /// <param name="operation">Computes the result from the inputs, on the given tape.</param>
    /// <param name="step">Half the distance of the inner differences; 1e-2 balances rounding against curvature for inputs of order one.</param>
    public static GradientCheckResult Run(Device device, IReadOnlyList<Parameter> inputs, Func<Tape, Tensor> operation, float step = 1e-2f)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var (_, projection, gradients) = Backward(device, inputs, operation);
        var tape = new Tape(device, recordGradients: false);
        return new GradientCheckResult(0, [.. inputs.Select((p, k) => RelativeError(gradients[k], Differences(p.Length, step, (i, shift) => At(p, i, shift))))]);

        double[] At(Parameter p, int i, double shift)
        {
            float before = p.Span[i];
            p.Span[i] = (float)(before + shift);
            var y = operation(tape).ToArray();
            tape.Reset();
            p.Span[i] = before;
            return [.. y.Select((v, j) => (double)v * projection[j])];
        }
    }

    /// <summary>Values and differences of a reference in double precision: good to float32 rounding.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="inputs">With respect to what; not frozen. Their values are the point at which to check.</param>
    /// <param name="operation">Computes the result from the inputs, on the given tape.</param>
    /// <param name="reference">Computes the same from the inputs' values, in double precision.</param>
    /// <param name="step">Half the distance of the inner differences.</param>
    public static GradientCheckResult Run(Device device, IReadOnlyList<Parameter> inputs, Func<Tape, Tensor> operation, Func<double[][], double[]> reference, double step = 1e-3)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(reference);
        var (values, projection, gradients) = Backward(device, inputs, operation);
        double[][] point = [.. inputs.Select(p => p.ToArray().Select(v => (double)v).ToArray())];
        return new GradientCheckResult(RelativeError(values, reference(point)),
            [.. inputs.Select((p, k) => RelativeError(gradients[k], Differences(p.Length, step, (i, shift) => At(k, i, shift))))]);

        double[] At(int k, int i, double shift)
        {
            double before = point[k][i];
            point[k][i] = before + shift;
            double[] y = [.. reference(point).Select((v, j) => v * projection[j])];
            point[k][i] = before;
            return y;
        }
    }

    private static (float[] Values, float[] Projection, float[][] Gradients) Backward(Device device, IReadOnlyList<Parameter> inputs, Func<Tape, Tensor> operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        var tape = new Tape(device);
        foreach (var p in inputs) p.ClearGradient();
        var y = operation(tape);
        var projection = new float[y.Length];
        if (y.Length == 1) projection[0] = 1;
        else RandomFill.Uniform(RandomKey.From(0, "gradient check"), projection, -1, 1);
        float[] values = y.ToArray();
        tape.Backward(Op.Sum(Op.Multiply(y, tape.Input(projection, y.Shape))));
        tape.Reset();
        return (values, projection, [.. inputs.Select(p => p.Gradient.ToArray())]);
    }

    /// <summary>(8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12 h; results are subtracted before they are added up, which keeps rounding small.</summary>
    private static double[] Differences(int count, double step, Func<int, double, double[]> f)
    {
        var slopes = new double[count];
        for (int i = 0; i < count; i++)
        {
            double[] near = f(i, step), nearBelow = f(i, -step), far = f(i, 2 * step), farBelow = f(i, -2 * step);
            for (int j = 0; j < near.Length; j++) slopes[i] += (8 * (near[j] - nearBelow[j]) - (far[j] - farBelow[j])) / (12 * step);
        }
        return slopes;
    }

    private static double RelativeError(float[] actual, double[] expected)
    {
        double difference = 0, a = 0, e = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
            a += (double)actual[i] * actual[i];
            e += expected[i] * expected[i];
        }
        double norm = Math.Sqrt(Math.Max(a, e));
        return Math.Sqrt(difference) / (norm < Vanishing ? 1 : norm);
    }
}
