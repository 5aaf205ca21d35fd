using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Random;

namespace Cellcast.Tensors.Tests.Autodiff;

/// <summary>Operations on token sequences: values and gradients against plain loops in double precision.</summary>
public sealed class TokenOpTests : IDisposable
{
    private const int Vocabulary = 11;
    private readonly CpuDevice _device = new(2);
    private readonly TokenBatch _tokens = new();

    public TokenOpTests()
    {
        var random = new RandomStream(RandomKey.From(1, "tokens"));
        foreach (int length in new[] { 5, 1, 9, 3 })
        {
            _tokens.Append(length, out var genes, out var values);
            for (int t = 0; t < length; t++) (genes[t], values[t]) = (random.NextInt32(Vocabulary), t == 2 ? 0 : 0.3f + (float)random.NextUniform());
        }
    }

    public void Dispose() => _device.Dispose();

    [Theory]
    [InlineData(7)]
    [InlineData(64)]
    public void Token_embedding(int columns)
    {
        var table = Parameter("table", Vocabulary, columns);
        Check([table], tape => Op.TokenEmbedding(tape, table, _tokens), p => Inputs(p[0], columns));
    }

    [Theory]
    [InlineData(7)]
    [InlineData(64)]
    public void Gene_dots(int columns)
    {
        Parameter cells = Parameter("cells", 4, columns), table = Parameter("table", Vocabulary, columns);
        Check([cells, table], tape => Op.GeneDots(tape.Use(cells), table, _tokens), p => ForTokens(1, (s, t, y) =>
        {
            for (int c = 0; c < columns; c++) y[0] += p[0][s * columns + c] * p[1][_tokens.Genes[t] * columns + c];
        }));
    }

    [Theory]
    [InlineData(1, 6)]
    [InlineData(3, 8)]
    [InlineData(2, 32)]
    public void Self_attention(int heads, int size)
    {
        int columns = heads * size;
        var qkv = Parameter("qkv", _tokens.Tokens, 3 * columns);
        Check([qkv], tape => Op.SelfAttention(tape.Use(qkv), _tokens, heads), p => ForTokens(columns, (s, t, y) =>
        {
            for (int h = 0; h < heads; h++)
            {
                var weights = Softmax(s, u => Dot(p[0], t * 3 * columns + h * size, u * 3 * columns + columns + h * size, size) / Math.Sqrt(size));
                for (int u = 0; u < weights.Length; u++)
                    for (int c = 0; c < size; c++) y[h * size + c] += weights[u] * p[0][(_tokens.Offsets[s] + u) * 3 * columns + 2 * columns + h * size + c];
            }
        }));
    }

    [Theory]
    [InlineData(1, 6)]
    [InlineData(3, 17)]
    public void Pooled_attention_and_its_sums_of_weights(int heads, int columns)
    {
        Parameter n = Parameter("n", _tokens.Tokens, columns), r = Parameter("r", 4, heads * columns);
        Check([n, r], tape => Op.PooledAttention(tape.Use(n), r, _tokens, heads), p => Pooled(heads, columns, p[0], (s, h, c) => p[1][(s * heads + h) * columns + c]));
    }

    [Theory]
    [InlineData(1, 32, 1e-6f)]
    [InlineData(3, 32, 0.2f)]
    [InlineData(8, 64, 1e-6f)]
    [InlineData(8, 64, 2f)]
    public void Table_attention(int heads, int columns, float epsilon)
    {
        Parameter table = Parameter("table", Vocabulary, columns), r = Parameter("r", heads, columns);
        Check([table, r], tape => Op.TableAttention(table, tape.Use(r), _tokens, epsilon: epsilon), p => Pooled(heads, columns, Normalized(p[0], columns, epsilon), (_, h, c) => p[1][h * columns + c]));
    }

    [Theory]
    [InlineData(1e-6f)]
    [InlineData(0.5f)]
    public void Table_projections(float epsilon)
    {
        const int Columns = 20, First = 6, Second = 9;
        Parameter table = Parameter("table", Vocabulary, Columns), scale = Parameter("scale", Columns), shift = Parameter("shift", Columns);
        Parameter w = Parameter("w", First, Columns), b = Parameter("b", First), v = Parameter("v", Second, Columns);
        Check([table, scale, shift, w, b, v], tape => Op.TableProjections(tape.Use(table), scale, shift, _tokens, [w, v], [b, null], epsilon), p =>
        {
            double[] n = Normalized(p[0], Columns, epsilon);
            return ForTokens(First + Second, (_, t, y) =>
            {
                for (int o = 0; o < First + Second; o++)
                {
                    if (o < First) y[o] = p[4][o];
                    for (int c = 0; c < Columns; c++)
                        y[o] += (p[1][c] * n[t * Columns + c] + p[2][c]) * (o < First ? p[3][o * Columns + c] : p[5][(o - First) * Columns + c]);
                }
            });
        });
    }

    [Fact]
    public void Head_queries_scale_pooled_and_head_values()
    {
        const int Heads = 3, Size = 5, Columns = 7;
        Parameter q = Parameter("q", 4, Heads * Size), keys = Parameter("keys", Heads * Size, Columns);
        Check([q, keys], tape => Op.HeadQueries(tape.Use(q), keys, Heads), p => Rows(4, Heads * Columns, (r, y) =>
        {
            for (int i = 0; i < y.Length; i++)
                for (int j = 0; j < Size; j++) y[i] += p[0][r * Heads * Size + i / Columns * Size + j] * p[1][(i / Columns * Size + j) * Columns + i % Columns] / Math.Sqrt(Size);
        }));

        Parameter pooled = Parameter("pooled", 4, Heads * Columns + Heads), scale = Parameter("scale", Columns), shift = Parameter("shift", Columns);
        Check([pooled, scale, shift], tape => Op.ScalePooled(tape.Use(pooled), scale, shift, Heads), p => Rows(4, pooled.Columns, (r, y) =>
        {
            for (int i = 0; i < y.Length; i++)
                y[i] = i >= Heads * Columns ? p[0][r * y.Length + i] : p[0][r * y.Length + i] * p[1][i % Columns] + p[0][r * y.Length + Heads * Columns + i / Columns] * p[2][i % Columns];
        }));

        Parameter values = Parameter("values", Heads * Size, Columns), bias = Parameter("bias", Heads * Size);
        Check([pooled, values, bias], tape => Op.HeadValues(tape.Use(pooled), values, bias, Heads), p => Rows(4, Heads * Size, (r, y) =>
        {
            for (int i = 0; i < y.Length; i++)
            {
                int h = i / Size;
                y[i] = p[2][i] * p[0][r * pooled.Columns + Heads * Columns + h];
                for (int c = 0; c < Columns; c++) y[i] += p[1][i * Columns + c] * p[0][r * pooled.Columns + h * Columns + c];
            }
        }));
    }

    [Fact]
    public void Projections_side_by_side()
    {
        Parameter x = Parameter("x", 6, 5), w = Parameter("w", 4, 5), b = Parameter("b", 4), v = Parameter("v", 3, 5);
        Check([x, w, b, v], tape => Op.Projections(tape.Use(x), [w, v], [b, null]), p => Rows(6, 7, (r, y) =>
        {
            for (int o = 0; o < 7; o++)
                y[o] = (o < 4 ? p[2][o] : 0) + Enumerable.Range(0, 5).Sum(c => p[0][r * 5 + c] * (o < 4 ? p[1][o * 5 + c] : p[3][(o - 4) * 5 + c]));
        }));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(1500)]
    public void Feed_forward(int rows)
    {
        Parameter x = Parameter("x", rows, 3), w = Parameter("w", 5, 3), b = Parameter("b", 5), v = Parameter("v", 3, 5), c = Parameter("c", 3);
        Parameter[] inputs = rows > 100 ? [w, b, v, c] : [x, w, b, v, c];
        if (rows > 100) x.Frozen = true;
        double[] frozen = [.. x.ToArray().Select(f => (double)f)];
        Check(inputs, tape => Op.FeedForward(tape.Use(x), w, b, v, c), p =>
        {
            if (rows > 100) p = [frozen, .. p];
            return Rows(rows, 3, (r, y) =>
            {
                for (int o = 0; o < 3; o++)
                {
                    y[o] = p[4][o];
                    for (int h = 0; h < 5; h++)
                    {
                        double a = p[2][h];
                        for (int i = 0; i < 3; i++) a += p[0][r * 3 + i] * p[1][h * 3 + i];
                        y[o] += p[3][o * 5 + h] * 0.5 * a * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (a + 0.044715 * a * a * a)));
                    }
                }
            });
        });
    }

    [Fact]
    public void Feed_forward_and_residual_branch_drop_what_the_separate_operations_drop()
    {
        const int Rows = 1300;
        Parameter x = Parameter("x", Rows, 6), w = Parameter("w", 70, 6), b = Parameter("b", 70), v = Parameter("v", 6, 70), c = Parameter("c", 6);
        Parameter[] all = [x, w, b, v, c];
        var noise = new DropoutNoise(0.3f, RandomKey.From(4, "noise"));
        var expected = Gradients(tape => Op.Add(x, Op.DropoutRows(Op.Linear(Op.DropoutRows(Op.GeluTanh(Op.Linear(tape.Use(x), w, b)), noise.For(1)), v, c), noise.For(2))));
        var actual = Gradients(tape => Op.AddDropped(x, Op.FeedForward(tape.Use(x), w, b, v, c, noise.For(1)), noise.For(2)));
        for (int i = 0; i < expected.Length; i++)
        {
            double squares = expected[i].Sum(g => (double)g * g), difference = expected[i].Zip(actual[i], (p, q) => ((double)p - q) * ((double)p - q)).Sum();
            Assert.True(difference <= 1e-11 * squares, $"{i}: {Math.Sqrt(difference / squares):g3}");
        }

        float[][] Gradients(Func<Tape, Tensor> operation)
        {
            foreach (var p in all) p.ClearGradient();
            var tape = new Tape(_device);
            Tensor y = operation(tape);
            float[] value = y.ToArray();
            tape.Backward(Op.Sum(Op.Square(y)));
            return [value, .. all.Select(p => p.Gradient.ToArray())];
        }
    }

    [Fact]
    public void Dropout_of_a_row_depends_on_its_place_only()
    {
        var tape = new Tape(_device);
        var x = tape.NewTensor(5, 100);
        x.Span.Fill(1);
        var noise = new DropoutNoise(0.4f, RandomKey.From(2, "noise"));
        var all = Op.DropoutRows(x, noise).ToArray();
        var some = Op.DropoutRows(Op.SliceRows(x, 0, 2), noise, new[] { 4, 1 }).ToArray();
        Assert.Equal(all[400..500], some[..100]);
        Assert.Equal(all[100..200], some[100..]);
    }

    private void Check(Parameter[] inputs, Func<Tape, Tensor> operation, Func<double[][], double[]> reference)
    {
        var result = GradientCheck.Run(_device, inputs, operation, reference);
        Assert.True(result.Value < 2e-6, $"value: {result.Value:g3}");
        for (int i = 0; i < inputs.Length; i++) Assert.True(result.Gradients[i] < 1e-5, $"gradient of {inputs[i].Name}: {result.Gradients[i]:g3}");
    }

    private static Parameter Parameter(string name, params int[] shape)
    {
        var p = new Parameter(name, shape);
        RandomFill.Normal(RandomKey.From(7, name), p.Span);
        return p;
    }

    private double[] Inputs(double[] table, int columns) => ForTokens(columns, (_, t, y) =>
    {
        int e = _tokens.Genes[t] * columns;
        double length = Math.Sqrt(Dot(table, e, e, columns));
        for (int c = 0; c < columns; c++) y[c] = _tokens.Values[t] * (table[e + c] + 1e-12) / (length + 1e-12);
    });

    private double[] Normalized(double[] table, int columns, double epsilon)
    {
        double[] x = Inputs(table, columns);
        for (int t = 0; t < _tokens.Tokens; t++)
        {
            var row = x.AsSpan(t * columns, columns);
            double mean = 0, squares = 0;
            foreach (double v in row) mean += v / columns;
            foreach (double v in row) squares += (v - mean) * (v - mean);
            double sd = Math.Sqrt(squares / (columns - 1));
            for (int c = 0; c < columns; c++) row[c] = (row[c] - mean) / (sd + epsilon);
        }
        return x;
    }

    private double[] Pooled(int heads, int columns, double[] n, Func<int, int, int, double> r) => Rows(_tokens.Sequences, heads * columns + heads, (s, y) =>
    {
        for (int h = 0; h < heads; h++)
        {
            var weights = Softmax(s, t => Enumerable.Range(0, columns).Sum(c => r(s, h, c) * n[t * columns + c]));
            for (int u = 0; u < weights.Length; u++)
                for (int c = 0; c < columns; c++) y[h * columns + c] += weights[u] * n[(_tokens.Offsets[s] + u) * columns + c];
            y[heads * columns + h] = weights.Sum();
        }
    });

    private double[] Softmax(int sequence, Func<int, double> score)
    {
        double[] e = [.. Enumerable.Range(_tokens.Offsets[sequence], _tokens.Offsets[sequence + 1] - _tokens.Offsets[sequence]).Select(t => Math.Exp(score(t)))];
        double sum = e.Sum();
        return [.. e.Select(v => v / sum)];
    }

    private double[] ForTokens(int columns, Action<int, int, double[]> fill) => Rows(_tokens.Tokens, columns, (t, y) =>
    {
        int s = 0;
        while (_tokens.Offsets[s + 1] <= t) s++;
        fill(s, t, y);
    });

    private static double[] Rows(int rows, int columns, Action<int, double[]> fill)
    {
        var y = new double[rows * columns];
        for (int r = 0; r < rows; r++)
        {
            var row = new double[columns];
            fill(r, row);
            row.CopyTo(y, r * columns);
        }
        return y;
    }

    private static double Dot(double[] x, int a, int b, int n)
    {
        double s = 0;
        for (int i = 0; i < n; i++) s += x[a + i] * x[b + i];
        return s;
    }
}
